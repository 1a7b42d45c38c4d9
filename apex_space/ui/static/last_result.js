// Keeps this page's last result in the browser's tab, and shows it after a reload or a visit to another page.
const RESULTS = ".block.result, #progress .downloads";
const CONTROLS = "audio, button, input, label, .player, a:not([href^='data:'])"; // what works only while the songs are on the server
const PAUSE_MS = 300;
const key = `last result, ${document.documentElement.lang}, ${location.pathname}`;
const page = element.closest(".gradio-container");
const [note, kept] = element.querySelectorAll("p, div");

function onPage() {
  return [...page.querySelectorAll(RESULTS)].filter((part) => part.matches(":has(.card, .verdict, td), .downloads"));
}

function copied(parts) {
  const copy = document.createElement("div");
  copy.innerHTML = parts.map((part) => (part.matches(".result") ? part.innerHTML : part.outerHTML)).join("");
  for (const control of copy.querySelectorAll(CONTROLS)) control.replaceWith(control.closest("th") ? control.innerText : "");
  for (const named of copy.querySelectorAll("[id]")) named.removeAttribute("id");
  return copy.innerHTML;
}

function show(html) {
  element.hidden = !html;
  kept.innerHTML = html;
}

function keep() {
  const parts = onPage();
  if (!parts.length) return;
  show("");
  sessionStorage.setItem(key, copied(parts));
}

function forget() {
  sessionStorage.removeItem(key);
  show("");
}

let soon = 0;
const later = () => (soon ||= setTimeout(() => ((soon = 0), keep()), PAUSE_MS));
try {
  show(sessionStorage.getItem(key) ?? "");
  note.querySelector("button").onclick = forget;
  new MutationObserver(later).observe(page, { childList: true, subtree: true });
} catch {
  show(""); // the browser keeps nothing for this page, such as one in a frame on a foreign page
}
