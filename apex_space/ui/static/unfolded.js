// Keeps unfolded what the reader unfolded, when the page's tables are replaced by newer ones.
const page = element.closest(".gradio-container");
const all = () => [...page.querySelectorAll("details")];
const open = new Set(); // places in the page
page.addEventListener(
  "click",
  ({ target }) => {
    const place = all().indexOf(target.closest("summary")?.parentElement);
    if (place >= 0) open[all()[place].open ? "delete" : "add"](place); // the click has not worked yet
  },
  true,
);
new MutationObserver(() => {
  for (const [place, part] of all().entries()) if (open.has(place) && !part.open) part.open = true;
}).observe(page, { childList: true, subtree: true });
