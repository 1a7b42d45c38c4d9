// Writes the snippet that shows a page on a foreign one, and shows the same snippet as a preview.
const PREVIEW_MARGIN = 24; // pixels: the preview is a page itself, and its frame must not need a scrollbar
// The part of the snippet that makes the frame as high as its content, and scrolls to a place in it that is far from the
// view's upper half. It has no "&" and no "<", which some editors replace.
const FIT = `{
  const frame = document.currentScript.previousElementSibling;
  addEventListener("message", ({ source, data }) => {
    if (source !== frame?.contentWindow) return;
    frame.height = Math.min(Math.max(Number(data?.apexSpaceHeight) || frame.height, 200), 10000);
    const place = frame.getBoundingClientRect().top + Math.max(Math.min(Number(data?.apexSpaceShow), frame.height), 0);
    if (Math.abs(place - innerHeight / 4) > innerHeight / 4) scrollBy(0, place);
  });
}`;
const field = (name) => element.querySelector(`[name=${name}]`);
const site = document.baseURI;
const { pages, current_page: here } = window.gradio_config ?? { pages: [] };
const named = pages.map(([path, name]) => ({ path, view: path || props.main, name: path ? name : props.mainName }));
const escaped = (text) => text.replace(/&/g, "&amp;").replace(/"/g, "&quot;").replace(/</g, "&lt;");

for (const { path, view, name } of named) field("view").add(new Option(name, view, path === here, path === here));

function frame(page, theme, language, height) {
  const url = new URL(page.path, site);
  url.searchParams.set("view", page.view);
  if (theme) url.searchParams.set("__theme", theme);
  if (language) url.searchParams.set("lang", language);
  return (
    `<iframe src="${escaped(url.href)}" title="${escaped(`${props.site}: ${page.name}`)}" width="100%" height="${height}"` +
    ` style="border: 0" loading="lazy" allow="microphone; autoplay; clipboard-write"></iframe>\n<script>${FIT}</` +
    `script>`
  );
}

function component(page, theme, language, height) {
  const source = (path) => escaped(new URL(path, site).href);
  return (
    `<script type="module" src="${source("gradio.js")}"></` +
    `script>\n<gradio-app src="${source(`${language && `${language}/`}embed/${page.view}`)}" theme_mode="${theme || "system"}"` +
    ` style="display: block; height: ${height}px; overflow: auto"></gradio-app>`
  );
}

function write() {
  const page = named.find(({ view }) => view === field("view").value);
  const height = Math.min(Math.max(Math.round(field("height").value) || 900, 200), 5000);
  const [, element] = field("form").options;
  element.disabled = props.framed.includes(page.view);
  if (element.disabled) field("form").value = "frame";
  const form = field("form").value === "frame" ? frame : component;
  field("snippet").value = form(page, field("theme").value, field("language").value, height);
  return height;
}

function show() {
  const height = write();
  const shown = element.querySelector(".preview");
  shown.height = height + PREVIEW_MARGIN;
  shown.srcdoc = `<!doctype html><html lang="${document.documentElement.lang}"><title>${escaped(props.texts.preview)}</title><body style="margin: 0">${field("snippet").value}`;
}

async function copy() {
  const snippet = field("snippet");
  const done = await navigator.clipboard?.writeText(snippet.value).then(() => true, () => false);
  if (!done) snippet.select();
  say(done ? props.texts.copied : props.texts.selected);
}

function say(text) {
  element.querySelector("[role=status]").textContent = text;
}

if (named.length) {
  let seen = false;
  write();
  const changed = () => (say(""), seen ? show() : write());
  for (const name of ["view", "theme", "language", "height", "form"]) field(name).onchange = changed;
  element.querySelector(".copy").onclick = copy;
  // The preview loads another whole page, so it is not loaded before somebody looks at it.
  new IntersectionObserver(([{ isIntersecting }], self) => {
    if (!isIntersecting) return;
    self.disconnect();
    seen = true;
    show();
  }).observe(element.querySelector(".preview"));
}
