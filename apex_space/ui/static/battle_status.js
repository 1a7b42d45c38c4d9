// What can be done with a battle now, which the status line says, and the keys. The page's own script has vote().
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

// Hands on the focus of a button that was disabled, unless the visitor has moved it meanwhile. What gets it comes into view.
function hand(from, to) {
  if ([from, document.body].includes(document.activeElement)) to.focus();
}

const WRITING = "textarea, select, [contenteditable], input:not([type=range], [type=checkbox])";
const PRESSABLE = "button, a, summary, [role=button], [role=tab], [type=checkbox]";
const RANGE = "input[type=range]";
const SWITCH = "keys"; // what the browser keeps, so that people who speak to it, or miss a key, need no keys
const switched = one(".keys input");
const keys = new AbortController();
try {
  switched.checked = localStorage.getItem(SWITCH) !== "off";
  switched.onchange = () => localStorage.setItem(SWITCH, switched.checked ? "on" : "off");
} catch {} // nothing may be kept
document.addEventListener("keydown", pressed, { signal: keys.signal });

function pressed(event) {
  if (!element.isConnected) return keys.abort();
  const at = event.target.closest ? event.target : document.body;
  if (!switched.checked || locked || event.repeat || event.ctrlKey || event.metaKey || event.altKey || at.closest(WRITING)) return;
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
