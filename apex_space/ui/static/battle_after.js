// What follows a vote: why it was cast, and how often each judge foresaw the visitor's votes.
const KEPT = "the judges against this visitor's votes";
const foreseen = kept(); // of each judge: how many of this visitor's votes it foresaw, and how many there were

let voted = null; // the battle whose vote was cast last, until the next battle

// Begins what follows a vote. A reason can be given only for a vote for one of the songs.
function follow(id, winner) {
  voted = id;
  one(".why").hidden = !["a", "b"].includes(winner);
  for (const button of all("[data-tag]")) button.ariaPressed = false;
}

// Sends the reasons that the visitor chose. Returns why the server does not keep them, or nothing.
async function explain() {
  const chosen = all("[data-tag]").filter((button) => button.ariaPressed === "true" && button.offsetParent);
  one(".why").hidden = true;
  if (!chosen.length) return "";
  return (await call("why", { battle: voted, tags: chosen.map((button) => button.dataset.tag) })).refused;
}

for (const button of all("[data-tag]")) button.onclick = () => (button.ariaPressed = button.ariaPressed !== "true");

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
