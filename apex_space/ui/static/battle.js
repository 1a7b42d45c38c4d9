// One battle: what can be done with it now, the vote, its reveal and the keys. The server keeps everything else; this
// page has only the battle's id.
const POLL_MS = 5000;
const unanswered = { refused: texts.unanswered };
const next = one(".next");
let battle = null; // the id of the battle on the page; null if there is none to hear
let open = false; // whether the battle waits for a vote
let locked = false; // whether the visitor's own battle is being made, in which time nothing can be done with this one
let said = { text: "", error: false };

function say(text, error = false) {
  said = { text, error };
  tell();
}

function tell() {
  one(".status").textContent = locked ? texts.making : said.text;
  one(".status").classList.toggle("error", said.error && !locked);
}

async function report(song) {
  const { src } = song.audio;
  const answer = await fetch(src).catch(() => null);
  const reason = answer && !answer.ok ? await answer.text() : texts.connection;
  if (song.audio.src !== src) return;
  say(filled(texts.unloaded, { side: song.side, reason }), true);
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

function lock(on) {
  locked = on;
  silence();
  for (const song of [first, second]) shown(song);
  for (const button of all("button:not(.play)")) button.disabled = on;
  if (!on) ask();
  tell();
}

function start({ battle: id, takes }) {
  battle = id;
  open = true;
  current = first;
  offer(takes);
  for (const song of [first, second]) {
    song.heard = 0;
    song.last = null;
    song.audio.src = new URL(`arena/audio/${id}/${song.side.toLowerCase()}.mp3`, site).href;
    shown(song);
  }
  settle();
  one(".votes").hidden = one(".songs").hidden = false;
  one(".why").hidden = true;
  for (const part of [one(".reveal"), one(".round")]) part.replaceChildren();
  one(".foreseen").textContent = "";
  element.classList.remove("revealed");
  one("span", next).textContent = texts.skip;
  next.disabled = locked;
  trigger("clear"); // the note on the visitor's own battle is no longer true
  ask();
}

// Ends a battle and shows its reveal. An empty reveal means that the vote did not count; the status gives the reason.
// Afterwards both songs can be heard as often as one likes, but for a visitor's own, which are deleted.
function finish(reveal, gone = false) {
  open = false;
  ask();
  one(".votes").hidden = true;
  one(".reveal").innerHTML = reveal;
  element.classList.add("revealed");
  if (gone) battle = null;
  one(".songs").hidden = gone;
  for (const song of [first, second]) shown(song);
  one("span", next).textContent = texts.next;
  next.focus({ preventScroll: true });
}

async function call(name, data) {
  try {
    return (await server[name](data)) ?? unanswered; // Gradio gives nothing if the request failed
  } catch {
    return unanswered;
  }
}

// Hands on the focus of a button that was disabled, unless the visitor has moved it meanwhile. What gets it comes into view.
function hand(from, to) {
  if ([from, document.body].includes(document.activeElement)) to.focus();
}

async function issue() {
  const held = document.activeElement === next;
  next.disabled = true;
  silence();
  say(texts.drawing);
  const before = battle;
  const refused = await explain();
  const answer = refused ? { refused } : await call("issue", {});
  if (battle !== before) return;
  if (answer.battle) start(answer);
  else {
    next.disabled = locked;
    say(answer.refused, !answer.waiting);
  }
  if (held) hand(next, answer.battle ? first.box : next);
  if (answer.waiting) setTimeout(() => element.isConnected && !battle && issue(), POLL_MS);
}

async function vote(winner) {
  const left = [first, second].filter((song) => !full(song));
  if (!open || locked) return;
  if (left.length) return say(filled(texts.too_early, { side: left[0].side }));
  const held = document.activeElement;
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
    finish(answer.reveal, answer.gone);
    follow(id, winner, answer);
  } else {
    if (answer.over) finish("");
    else open = true;
    ask();
    say(answer.refused, true);
    if (open) hand(held, held);
  }
  if (!open) one(".after").scrollIntoView({ block: "nearest" });
}

for (const button of all("[data-winner]")) button.onclick = () => vote(button.dataset.winner);
next.onclick = issue;
next.onkeydown = (event) => {
  if (event.repeat) event.preventDefault(); // the key may be held since the vote
};
watch("value", () => {
  lock(Boolean(props.value?.making));
  if (!props.value?.battle) return;
  explain();
  start(props.value);
  element.scrollIntoView({ block: "nearest" });
});

const WRITING = "textarea, select, [contenteditable], input:not([type=range], [type=checkbox])";
const PRESSABLE = "button, a, summary, [role=button], [role=tab], [type=checkbox]";
const RANGE = "input[type=range]";
const keys = new AbortController();
document.addEventListener("keydown", pressed, { signal: keys.signal });

function pressed(event) {
  if (!element.isConnected) return keys.abort();
  const at = event.target.closest ? event.target : document.body;
  if (locked || event.repeat || event.ctrlKey || event.metaKey || event.altKey || at.closest(WRITING)) return;
  const button = all("[data-key]").find(({ dataset, offsetParent }) => offsetParent && dataset.key === event.key.toUpperCase());
  const arrows = { ArrowLeft: first, ArrowRight: second };
  if (battle && event.key === " " && !at.closest(PRESSABLE)) toggle();
  else if (battle && arrows[event.key] && !at.closest(RANGE)) play(arrows[event.key]);
  else if (battle && event.key.toUpperCase() === "R") restart();
  else if (button?.dataset.winner) vote(button.dataset.winner);
  else if (button) button.click();
  else return;
  event.preventDefault();
}

invite();
issue();
