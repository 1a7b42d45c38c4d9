// Tells once that the visitor has come to this place of the page.
const place = new IntersectionObserver(([entry]) => {
  if (!entry.isIntersecting && entry.boundingClientRect.top > 0) return; // one can also jump past it
  place.disconnect();
  trigger("select");
});
place.observe(element);
