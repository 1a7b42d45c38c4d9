// Checks the files that a visitor chooses before Gradio does: one list of kinds and one limit, in our own words. A video is
// passed on as the sound that it holds.
const { megabytes, endings, texts } = props;
const SONG = ".song-input"; // a component that takes one song
const accept = ["audio/*", ...endings].join();
const listening = new AbortController();
const passed = new WeakSet(); // events that hand on what was checked

const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
const isSound = ({ name, type }) => type.startsWith("audio/") || endings.some((ending) => name.toLowerCase().endsWith(ending));

function refusal(files, single) {
  if (single && files.length > 1) return texts.several;
  const large = files.find(({ size }) => size > 1e6 * megabytes);
  if (large) return filled(texts.large, { name: large.name, size: (large.size / 1e6).toFixed(1), limit: megabytes });
  const [file] = files;
  return single && !isSound(file) ? filled(texts.other, { name: file.name, kinds: texts.kinds }) : "";
}

// Gradio's component for songs takes only files that the browser calls audio.
function asSound(file) {
  return file.type.startsWith("audio/") ? file : new File([file], file.name, { type: "audio/mp4" });
}

function check(event) {
  if (!element.isConnected) return listening.abort();
  if (!element.closest(".gradio-container").contains(event.target)) return; // of the page around this one
  const block = event.target.closest?.(".block");
  const input = block?.querySelector("input[type=file]");
  const files = [...((event.dataTransfer ?? event.target).files ?? [])];
  if (!input || !files.length || passed.has(event)) return;
  const single = block.matches(SONG);
  const reason = refusal(files, single);
  if (!reason && !single) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  event.target.dispatchEvent(new Event("dragleave", { bubbles: true }));
  if (reason) {
    input.value = "";
    block.dispatchEvent(new CustomEvent("refused", { detail: reason, bubbles: true }));
    return;
  }
  const sounds = new DataTransfer();
  for (const file of files) sounds.items.add(asSound(file));
  input.files = sounds.files;
  keepFocus(block);
  const change = new Event("change", { bubbles: true });
  passed.add(change);
  input.dispatchEvent(change);
}

// The browser's dialog offers what is taken, on phones, too.
function offer({ target }) {
  if (target.matches?.(`${SONG} input[type=file]`)) target.accept = accept;
}

// The control that opened the dialog is gone when the song's player takes its place: the focus goes on to the player.
function keepFocus(block) {
  const player = new MutationObserver(() => {
    const button = block.querySelector(".play-pause-button");
    if (!button) return;
    player.disconnect();
    if (document.activeElement === document.body) button.focus({ preventScroll: true });
  });
  player.observe(block, { childList: true, subtree: true });
}

document.documentElement.style.setProperty("--tap", JSON.stringify(texts.tap)); // for style.css
for (const kind of ["change", "drop"]) document.addEventListener(kind, check, { capture: true, signal: listening.signal });
document.addEventListener("click", offer, { capture: true, signal: listening.signal });
