// Opens a page that a link holds in a new tab, to be printed there. Browsers only save what such a link holds.
// The last result, which is shown again after a reload, has such links, too.
element.closest(".gradio-container").addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href^='data:text/html']");
  if (!link) return;
  const bytes = Uint8Array.from(atob(link.href.split(",")[1]), (letter) => letter.charCodeAt(0));
  const page = open(URL.createObjectURL(new Blob([bytes], { type: "text/html" })));
  if (page) event.preventDefault(); // else no new tab may be opened here, and the page is saved
});
