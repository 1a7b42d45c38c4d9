// One battle: two players of which only one plays at a time, the time each song was heard, the vote and its reveal.
// The server keeps everything else; this page has only the battle's id.
const POLL_MS = 5000;
const SLACK = 0.1; // seconds: the last frames of an mp3 may not be played
const one = (selector, within = element) => within.querySelector(selector);
const all = (selector) => [...element.querySelectorAll(selector)];
const texts = props.texts;
const songs = Object.fromEntries(all(".song").map((box) => [box.dataset.side, song(box)]));
const [first, second] = Object.values(songs);
const next = one(".next");
const view = element.closest("gradio-app[src]"); // set on a foreign page, whose address is not the server's
const site = view ? view.getAttribute("src").split("/embed/")[0] + "/" : document.baseURI;
let battle = null; // the id of the battle on the page
let open = false; // whether the battle waits for a vote
let locked = false; // whether the visitor's own battle is being made, in which time nothing can be done with this one
let current = first;
let said = { text: "", error: false };
const KEPT = "the judges against this visitor's votes";
const foreseen = kept(); // of each judge: how many of this visitor's votes it foresaw, and how many there were

function song(box) {
  const audio = one("audio", box);
  const self = { box, audio, side: box.dataset.side, heard: 0, last: null };
  const seek = one(".seek", box);
  one(".play", box).onclick = () => (audio.paused ? play(self) : audio.pause());
  seek.oninput = () => (audio.currentTime = seek.value);
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
  audio.onloadedmetadata = () => shown(self);
  audio.onvolumechange = () => (self.last = null);
  audio.onerror = () => battle && explain(self);
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
    if (full(song) && !before) ask();
  }
  song.last = ends || audio.seeking ? null : moment(audio);
  shown(song);
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

function say(text, error = false) {
  said = { text, error };
  tell();
}

function tell() {
  one(".status").textContent = locked ? texts.making : said.text;
  one(".status").classList.toggle("error", said.error && !locked);
}

function play(song) {
  song.audio.play().catch((error) => {
    if (error.name !== "AbortError") say(filled(texts.unplayable, { side: song.side, reason: error.message }), true);
  });
}

async function explain(song) {
  const { src } = song.audio;
  const answer = await fetch(src).catch(() => null);
  const reason = answer && !answer.ok ? await answer.text() : texts.connection;
  if (song.audio.src !== src) return;
  say(filled(texts.unloaded, { side: song.side, reason }), true);
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

// Says what is left to do, and enables the buttons for voting when nothing is left.
function ask() {
  const left = [first, second].filter((song) => !full(song));
  for (const button of all("[data-winner]")) button.disabled = !open || locked || left.length > 0;
  if (!open) return;
  if (!left.length) say(texts.both_heard);
  else if (left.length === 1) say(filled(texts.one_heard, { heard: other(left[0]).side, next: left[0].side }));
  else say(filled(texts.begin, { seconds: props.listen }));
}

function silence() {
  for (const song of [first, second]) song.audio.pause();
}

function lock(on) {
  locked = on;
  silence();
  for (const song of [first, second]) shown(song);
  for (const button of all("button:not(.play)")) button.disabled = on;
  if (!on) ask();
  tell();
}

function start(id) {
  battle = id;
  open = true;
  current = first;
  for (const song of [first, second]) {
    song.heard = 0;
    song.last = null;
    song.audio.src = new URL(`arena/audio/${id}/${song.side.toLowerCase()}.mp3`, site).href;
    shown(song);
  }
  one(".votes").hidden = false;
  one(".reveal").replaceChildren();
  one(".foreseen").textContent = "";
  element.classList.remove("revealed");
  one("span", next).textContent = texts.skip;
  next.disabled = locked;
  trigger("clear"); // the note on the visitor's own battle is no longer true
  ask();
}

// Ends a battle and shows its reveal. An empty reveal means that the vote did not count; the status gives the reason.
function finish(reveal) {
  open = false;
  ask();
  one(".votes").hidden = true;
  one(".reveal").innerHTML = reveal;
  element.classList.add("revealed");
  one("span", next).textContent = texts.next;
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

function kept() {
  try {
    return (!view && JSON.parse(sessionStorage.getItem(KEPT))) || {};
  } catch {
    return {};
  }
}

// Counts the visitor's votes that each judge foresaw, in this browser's tab alone, and says how many they are.
function count(judges) {
  for (const [judge, right] of judges) {
    const [before, all] = foreseen[judge] ?? [0, 0];
    foreseen[judge] = [before + right, all + 1];
  }
  try {
    if (!view) sessionStorage.setItem(KEPT, JSON.stringify(foreseen));
  } catch {} // nothing is kept for this page
  const told = Object.entries(foreseen).map(([judge, [right, n]]) => filled(n === 1 ? texts.foreseen_one : texts.foreseen, { judge, right, n }));
  one(".foreseen").textContent = told.join(" ");
}

async function call(name, data) {
  try {
    return await server[name](data);
  } catch {
    return { refused: texts.unanswered };
  }
}

async function issue() {
  next.disabled = true;
  silence();
  say(texts.drawing);
  const before = battle;
  const answer = await call("issue", {});
  if (battle !== before) return;
  if (answer.battle) return start(answer.battle);
  next.disabled = locked;
  say(answer.refused, !answer.waiting);
  if (answer.waiting) setTimeout(() => element.isConnected && !battle && issue(), POLL_MS);
}

async function vote(winner) {
  const left = [first, second].filter((song) => !full(song));
  if (!open || locked) return;
  if (left.length) return say(filled(texts.too_early, { side: left[0].side }));
  open = false;
  next.disabled = true;
  silence();
  ask();
  say(texts.recording);
  const id = battle;
  const answer = await call("vote", { battle: id, winner, heard: [first.heard, second.heard] });
  if (battle !== id) return;
  next.disabled = locked;
  if (answer.reveal) {
    say(answer.said);
    count(answer.judges);
    finish(answer.reveal);
  } else {
    if (answer.over) finish("");
    else open = true;
    ask();
    say(answer.refused, true);
  }
}

for (const button of all("[data-winner]")) button.onclick = () => vote(button.dataset.winner);
next.onclick = issue;
watch("value", () => {
  const { battle: own, making } = props.value ?? {};
  lock(Boolean(making));
  if (!own) return;
  start(own);
  element.scrollIntoView({ block: "nearest" });
});

const WRITING = "textarea, select, [contenteditable], input:not([type=range])";
const PRESSABLE = "button, a, summary, [role=button], [role=tab]";
const RANGE = "input[type=range]";
const keys = new AbortController();
document.addEventListener("keydown", pressed, { signal: keys.signal });

function pressed(event) {
  if (!element.isConnected) return keys.abort();
  const at = event.target.closest ? event.target : document.body;
  if (locked || event.repeat || event.ctrlKey || event.metaKey || event.altKey || at.closest(WRITING)) return;
  const button = all("[data-key]").find((button) => button.dataset.key === event.key.toUpperCase());
  const arrows = { ArrowLeft: first, ArrowRight: second };
  if (battle && event.key === " " && !at.closest(PRESSABLE)) toggle();
  else if (battle && arrows[event.key] && !at.closest(RANGE)) play(arrows[event.key]);
  else if (battle && event.key.toUpperCase() === "R") restart();
  else if (button === next) next.click();
  else if (button) vote(button.dataset.winner);
  else return;
  event.preventDefault();
}

issue();
