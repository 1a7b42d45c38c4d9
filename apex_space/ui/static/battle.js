// One battle: the vote and its reveal. The server keeps everything else; this page has only the battle's id.
const POLL_MS = 5000;
const unanswered = { refused: texts.unanswered };
const next = one(".next");

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

invite();
issue();
