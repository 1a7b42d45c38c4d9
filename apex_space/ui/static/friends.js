// A battle for friends: the vote of this browser, and the votes so far for those who voted and for the owner.
const POLL_MS = 10000;
const id = location.pathname.split("/").at(-1);
const voter = remembered(`voter of ${id}`, random);
let key = self === top ? remembered(`key of ${id}`, () => "") : ""; // the owner's browser has it
let asking = 0;
let told = "";

// What this browser keeps under a name, or what is made now. Where nothing may be kept, it is for this visit alone.
function remembered(name, make) {
  try {
    const found = localStorage.getItem(name) ?? make();
    if (found) localStorage.setItem(name, found);
    return found;
  } catch {
    return make();
  }
}

function random() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function post(what, more = {}) {
  try {
    const body = JSON.stringify({ voter, key, ...more });
    const headers = { "content-type": "application/json" };
    return await (await fetch(`${id}/${what}`, { method: "POST", headers, body })).json();
  } catch {
    return { refused: texts.unanswered };
  }
}

// Each browser has an order of its own, which stays the same when the page is opened again.
function start() {
  const clips = parseInt(voter[0], 16) % 2 ? [...props.clips].reverse() : props.clips;
  battle = id;
  open = true;
  for (const [place, song] of [first, second].entries()) {
    song.clip = clips[place];
    song.audio.src = `${id}/${song.clip}.mp3`;
    shown(song);
  }
  ask();
}

// Shows the votes so far, or why there are none any more.
function show(answer) {
  document.querySelector(".intro").hidden = true;
  open = false;
  ask();
  one(".votes").hidden = true;
  element.classList.add("revealed");
  if (answer.gone) return end(answer.refused);
  say(answer.said);
  for (const song of [first, second]) one("h2", song.box).textContent = `${song.side}: ${answer.titles[song.clip]}`;
  if (told !== answer.shown) one(".reveal").innerHTML = told = answer.shown;
  if (asking) return;
  if (answer.owner) document.querySelector("details").open = true;
  asking = setInterval(refresh, POLL_MS);
}

function end(reason) {
  clearInterval(asking);
  silence();
  battle = null;
  for (const part of document.querySelectorAll(".songs, .keys, .kept, details")) part.hidden = true;
  one(".reveal").replaceChildren();
  say(reason, true);
}

async function refresh() {
  if (document.visibilityState !== "visible") return {};
  const answer = await post("votes");
  if (answer.shown || answer.gone) show(answer);
  return answer;
}

// Elsewhere than in the browser that made the battle, its owner enters the key.
async function see(button) {
  key = button.form.elements.key.value.trim();
  const answer = await refresh();
  if (!answer.shown && !answer.gone) say(answer.refused ?? button.dataset.wrong, true);
}

async function vote(winner) {
  const left = [first, second].filter((song) => !full(song));
  if (!open) return;
  if (left.length) return say(filled(texts.too_early, { side: left[0].side }));
  const held = document.activeElement;
  open = false;
  silence();
  ask();
  say(texts.recording);
  const choice = { a: first.clip, b: second.clip, tie: "" }[winner];
  const answer = await post("vote", { choice, heard: [first.heard, second.heard] });
  if (answer.shown || answer.gone) {
    show(answer);
    return one(".reveal").focus({ preventScroll: true });
  }
  open = true;
  ask();
  say(answer.refused, true);
  hand(held, held);
}

for (const button of all("[data-winner]")) button.onclick = () => vote(button.dataset.winner);
document.querySelector("#see").onclick = ({ target }) => see(target);
start();
refresh();
