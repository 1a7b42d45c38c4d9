// Plays the song's part that a button in a table names, or from where the timeline is pressed. The timeline shows where it
// plays.
const page = element.closest(".gradio-container");
const status = element.querySelector("[role=status]");
const known = new WeakSet(); // players that are listened to
const SAME_PRESS_MS = 500;
let part = null; // what is played: from and to, in seconds
let pressed = -Infinity; // when the timeline was, in ms: of a tap, Plotly makes more clicks, and the second would stop the song

function play(from, to) {
  const audio = drawn(page, "song") ?? plain(page, "song");
  status.textContent = audio ? "" : props.texts.gone;
  if (!audio) return;
  if (from >= audio.duration) return; // beside the timeline stand the scores of a reference song
  if (!known.has(audio)) listen(audio);
  if (part?.from === from && part.to === to) return audio.pause();
  part = { from, to };
  audio.currentTime = from;
  audio.play().catch(() => (part = null));
}

function listen(audio) {
  known.add(audio);
  audio.addEventListener("timeupdate", () => {
    mark(audio.currentTime);
    if (part && (audio.currentTime < part.from - 1 || audio.currentTime > part.to + 1)) part = null; // the visitor moved on
    if (part && audio.currentTime >= part.to) audio.pause();
  });
  audio.addEventListener("pause", () => (part = null));
}

// Where the timeline's time axis lies: Plotly tells it in no other way.
function timeline() {
  const plot = page.querySelector("#timeline-plot .js-plotly-plot");
  return { plot, axis: plot?._fullLayout?.xaxis, size: plot?._fullLayout?._size };
}

function mark(seconds) {
  const { plot, axis, size } = timeline();
  if (!axis) return;
  const box = plot.querySelector(".svg-container");
  const line = box.querySelector(".playing") ?? box.appendChild(document.createElement("div"));
  line.className = "playing";
  line.style.cssText = `left: ${axis._offset + axis.l2p(seconds)}px; top: ${size.t}px; height: ${size.h}px`;
}

page.addEventListener("click", ({ target, clientX, timeStamp }) => {
  const { from, to } = target.closest?.("button[data-from]")?.dataset ?? {};
  if (from) return play(Number(from), Number(to));
  const { plot, axis } = timeline();
  if (!axis || !plot.contains(target)) return;
  const place = clientX - plot.getBoundingClientRect().left - axis._offset;
  if (!(place >= 0 && place <= axis._length) || timeStamp - pressed < SAME_PRESS_MS) return;
  pressed = timeStamp;
  play(Math.max(0, axis.p2l(place)), Infinity);
});
