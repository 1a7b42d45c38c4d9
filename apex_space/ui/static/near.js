// Tells once that the visitor has come to this place of the page.
const place = new IntersectionObserver(([entry]) => {
  if (!entry.isIntersecting) return;
  place.disconnect();
  trigger("select");
});
place.observe(element);
