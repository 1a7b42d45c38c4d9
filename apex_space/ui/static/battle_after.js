// What follows a vote: why it was cast, taking it back, and how often each judge foresaw the visitor's votes.
const KEPT = "the judges against this visitor's votes";
const foreseen = kept(KEPT, {}, isTally); // of each judge: how many of this visitor's votes it foresaw, and how many there were

const undo = one(".undo");
let voted = null; // the battle whose vote was cast last, which judges foresaw it, and what is said of it, now and later
let ticking = 0;

// Begins what follows a vote. A reason can be given only for a vote for one of the songs.
function follow(id, winner, { judges, gone, said, later }) {
  voted = { id, judges, said, later };
  remember(id, !gone);
  count(judges, 1);
  tally();
  for (const button of all("[data-tag]")) button.ariaPressed = false;
  one(".why").hidden = !["a", "b"].includes(winner);
  const end = performance.now() + 1000 * props.undo;
  undo.hidden = undo.disabled = false;
  ticking = setInterval(tick, 250, end);
  tick(end);
}

function tick(end) {
  const left = Math.ceil((end - performance.now()) / 1000);
  one("span", undo).textContent = filled(texts.seconds_left, { n: left });
  if (left > 0 && element.isConnected) return;
  settle();
  if (said.text === voted.said) say(voted.later);
}

// There is nothing to take back any more.
function settle() {
  clearInterval(ticking);
  if (document.activeElement === undo) next.focus({ preventScroll: true });
  undo.hidden = true;
}

async function withdraw() {
  const { id, judges } = voted;
  const held = document.activeElement === undo;
  undo.disabled = true;
  const answer = await call("undo", { battle: id });
  if (!answer.refused) {
    count(judges, -1);
    forget(id);
  }
  if (voted.id !== id || open) return; // there is another battle by now
  undo.disabled = locked;
  if (held) hand(undo, undo.hidden ? next : undo);
  if (answer !== unanswered) settle();
  if (answer.refused) return say(answer.refused, true);
  one(".why").hidden = true;
  one(".reveal").replaceChildren();
  tally();
  say(answer.said);
}

// Sends the reasons that the visitor chose. Returns why the server does not keep them, or nothing.
async function explain() {
  const chosen = all("[data-tag]").filter((button) => button.ariaPressed === "true" && button.offsetParent);
  if (!chosen.length) return "";
  const { id } = voted;
  const answer = await call("why", { battle: id, tags: chosen.map((button) => button.dataset.tag) });
  if (answer !== unanswered && voted.id === id) one(".why").hidden = true;
  return answer.refused;
}

for (const button of all("[data-tag]")) button.onclick = () => (button.ariaPressed = button.ariaPressed !== "true");
undo.onclick = withdraw;

// What this browser's tab keeps if it has the right form, and nothing on a foreign page.
function kept(key, otherwise, isRight) {
  try {
    const found = JSON.parse((!view && sessionStorage.getItem(key)) || "null");
    return isRight(found) ? found : otherwise;
  } catch {
    return otherwise;
  }
}

function isTally(found) {
  return found.constructor === Object && Object.values(found).every((counts) => counts.length === 2 && counts.every(Number.isFinite));
}

function keep(key, value) {
  try {
    if (!view) sessionStorage.setItem(key, JSON.stringify(value));
  } catch {} // nothing is kept for this page
}

// Counts a vote of the visitor and which judges foresaw it, in this browser's tab alone. One that is taken back is -1.
function count(judges, votes) {
  for (const [judge, right] of judges) {
    const [before, all] = foreseen[judge] ?? [0, 0];
    foreseen[judge] = [before + votes * right, all + votes];
    if (!foreseen[judge][1]) delete foreseen[judge];
  }
  keep(KEPT, foreseen);
}

// Says how many of the visitor's votes each judge foresaw.
function tally() {
  const told = Object.entries(foreseen).map(([judge, [right, n]]) => filled(n === 1 ? texts.foreseen_one : texts.foreseen, { judge, right, n }));
  one(".foreseen").textContent = told.join(" ");
}
