// Plays songs quieter than their files are, so that songs that are compared by ear are equally loud. Scripts after this one
// use it; each of them has its own.
const gains = new WeakMap(); // player -> the node that its sound goes through
let sound = null; // a browser has few of these, so it is made when a player needs it

function level(audio, factor) {
  if (factor === 1 && !gains.has(audio)) return;
  if (!gains.has(audio)) route(audio);
  gains.get(audio).gain.value = factor;
}

function route(audio) {
  sound ??= made();
  const gain = sound.createGain();
  sound.createMediaElementSource(audio).connect(gain).connect(sound.destination);
  audio.addEventListener("play", () => sound.resume());
  gains.set(audio, gain);
}

function made() {
  if (navigator.audioSession) navigator.audioSession.type = "playback"; // else an iPhone that is set to silent plays nothing
  document.addEventListener("click", () => sound.resume(), true); // some browsers let no sound begin without a click
  return new AudioContext();
}

// The factors by which songs are played, from their loudness in LUFS: the quietest one is played as it is.
function factors(loudness) {
  const known = !loudness.includes(null);
  return loudness.map((each) => (known ? 10 ** ((Math.min(...loudness) - each) / 20) : 1));
}
