// The visitor's own votes: what they say, and pictures of that to share. This browser's tab alone remembers which battles
// they were on, and sends these battles to the server when it asks what the votes say. Nothing else is sent or kept.
const OWN = "this visitor's battles";
const ROUND = 10; // votes after which there is a picture
const MOST = 300; // votes that are remembered
const own = kept(OWN, [], isOwn); // of each battle that the visitor voted on, the oldest first: its id, and if it is the pool's
const taste = one(".taste");

function isOwn(found) {
  return Array.isArray(found) && found.every((each) => Array.isArray(each) && typeof each[0] === "string");
}

function remember(id, pool) {
  own.push([id, pool]);
  if (own.length > MOST) own.splice(0, ROUND); // the next picture is due after as many votes as ever
  keep(OWN, own);
  invite();
  if (own.length % ROUND === 0) show("card", one(".round"));
}

function forget(id) {
  own.splice(own.findIndex(([known]) => known === id), 1);
  keep(OWN, own);
  one(".round").replaceChildren();
  invite();
}

// Says how many votes are left until the server can say something, or offers to look.
function invite() {
  const left = props.enough - own.filter(([, pool]) => pool).length;
  taste.hidden = left > 0;
  const text = left === 1 ? texts.votes_left_one : filled(texts.votes_left, { n: left });
  one(".votes-left").textContent = own.length && left > 0 ? text : "";
  look();
}

function look() {
  if (taste.open && !taste.hidden) show("taste", one("div", taste));
}

async function show(name, place) {
  const battles = own.map(([id]) => id);
  const { shown, refused, known } = await call(name, { battles });
  if (refused) place.textContent = refused;
  else place.innerHTML = shown;
  if (known) recall(battles, known);
}

// Forgets those of the battles that the server does not know. What it said of them stays on the page.
function recall(battles, known) {
  own.splice(0, own.length, ...own.filter(([id]) => known.includes(id) || !battles.includes(id)));
  keep(OWN, own);
}

// Offers a picture to other programs, as phones do. Elsewhere the link downloads it.
function share(event) {
  const link = event.target.closest("[data-picture]");
  if (!link) return;
  const bytes = Uint8Array.from(atob(link.href.split(",")[1]), (letter) => letter.charCodeAt());
  const files = [new File([bytes], link.download, { type: "image/png" })];
  if (!navigator.canShare?.({ files })) return;
  event.preventDefault();
  navigator.share({ files }).catch(() => {}); // the visitor may change their mind
}

taste.ontoggle = look;
element.addEventListener("click", share);
