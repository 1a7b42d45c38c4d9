// The two players of a battle. Only one of them plays at a time, and the time that each song was heard is counted. This
// script, battle_status.js and those of the page are one: it has battle_after.js and battle.js, or friends.js.
const SLACK = 0.1; // seconds: the last frames of an mp3 may not be played
const one = (selector, within = element) => within.querySelector(selector);
const all = (selector) => [...element.querySelectorAll(selector)];
const texts = props.texts;
const view = element.closest("gradio-app[src]"); // set on a foreign page, whose address is not the server's
const site = view ? view.getAttribute("src").split("/embed/")[0] + "/" : document.baseURI;
const songs = Object.fromEntries(all(".song").map((box) => [box.dataset.side, song(box)]));
const [first, second] = Object.values(songs);
const together = one(".together input"); // whether the other song goes on at the same place
const ALIKE = 0.02; // by how much of the longer one the lengths of two takes of a song may differ
let current = first;

function song(box) {
  const audio = one("audio", box);
  const self = { box, audio, side: box.dataset.side, heard: 0, last: null };
  const seek = one(".seek", box);
  one(".play", box).onclick = () => (audio.paused ? play(self) : audio.pause());
  seek.oninput = () => {
    audio.currentTime = seek.value;
    if (current.audio.paused) current = self;
  };
  audio.onplay = () => {
    other(self).audio.pause();
    current = self;
    shown(self);
  };
  audio.onplaying = () => {
    self.last = moment(audio);
    if (said.error) ask();
  };
  audio.onseeking = () => (self.last = null);
  audio.onseeked = () => (self.last = audio.paused ? null : moment(audio));
  audio.onpause = () => listened(self, true);
  audio.ontimeupdate = () => (element.isConnected ? listened(self, false) : audio.pause());
  audio.onloadedmetadata = () => {
    shown(self);
    if (!together.dataset.set) together.checked = !one(".together").hidden && alike();
  };
  audio.onvolumechange = () => (self.last = null);
  audio.onerror = () => battle && report(self);
  return self;
}

const other = (song) => (song === first ? second : first);
const length = ({ audio }) => (Number.isFinite(audio.duration) ? audio.duration : 0);
const needed = (song) => (length(song) ? Math.min(props.listen, length(song) - SLACK) : props.listen);
const full = (song) => song.heard >= needed(song);
const moment = (audio) => ({ position: audio.currentTime, clock: performance.now() / 1000 });

// Counts only time that passed both in the song and on the clock: jumping ahead or playing faster gains nothing.
function listened(song, ends) {
  const { audio, last } = song;
  if (last && !audio.seeking && !audio.muted && audio.volume > 0) {
    const now = moment(audio);
    const before = full(song);
    song.heard += Math.max(0, Math.min(now.position - last.position, now.clock - last.clock));
    if (full(song) && !before) heard(song);
  }
  song.last = ends || audio.seeking ? null : moment(audio);
  shown(song);
}

// A song is heard. When both are, the buttons for voting come into view, unless the visitor is looking at something else.
function heard(song) {
  ask();
  const { top, bottom } = song.box.getBoundingClientRect();
  if (full(other(song)) && bottom > 0 && top < innerHeight) one(".votes").scrollIntoView({ block: "nearest" });
}

function shown(song) {
  const { box, audio, heard } = song;
  const playing = !audio.paused;
  const end = length(song);
  const seek = one(".seek", box);
  box.classList.toggle("playing", playing);
  one(".play", box).ariaLabel = one(".play", box).dataset[playing ? "pause" : "play"];
  one(".play", box).disabled = !battle || locked;
  seek.disabled = !end || locked;
  seek.max = end || 1;
  seek.value = audio.currentTime;
  seek.style.setProperty("--done", `${(100 * seek.value) / seek.max}%`);
  seek.ariaValueText = one(".clock", box).textContent = `${clock(audio.currentTime)} / ${clock(end)}`;
  one("progress", box).max = needed(song);
  one("progress", box).value = heard;
  const seconds = filled(texts.seconds, { n: Math.floor(heard), all: Math.ceil(needed(song)) });
  one(".heard", box).textContent = full(song) ? texts.heard : seconds;
}

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

function alike() {
  const [shorter, longer] = [length(first), length(second)].sort((a, b) => a - b);
  return shorter > 0 && longer - shorter <= ALIKE * longer;
}

// Offers to switch between two takes of a song at the same place, as long as the visitor has not said otherwise.
function offer(takes) {
  one(".together").hidden = !takes;
  together.checked = false;
  delete together.dataset.set;
}

function play(song) {
  const { ended, currentTime } = current.audio;
  if (together.checked && song !== current) song.audio.currentTime = ended ? 0 : currentTime;
  song.audio.play().catch((error) => {
    if (error.name !== "AbortError") say(filled(texts.unplayable, { side: song.side, reason: error.message }), true);
  });
}

function toggle() {
  if (open && full(current) && !full(other(current))) play(other(current));
  else if (current.audio.paused) play(current);
  else current.audio.pause();
}

function restart() {
  current.audio.currentTime = 0;
  play(current);
}

function silence() {
  for (const song of [first, second]) song.audio.pause();
}

together.onchange = () => (together.dataset.set = true);
