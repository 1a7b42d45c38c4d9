// What follows a vote: how often each judge foresaw the visitor's votes.
const KEPT = "the judges against this visitor's votes";
const foreseen = kept(); // of each judge: how many of this visitor's votes it foresaw, and how many there were

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
