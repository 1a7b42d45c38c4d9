// Fills in the key that deletes this result, in the browser that made it. Not in a frame, where a stranger could provoke
// the click that deletes.
try {
  const id = location.pathname.split("/").at(-1);
  if (self === top) document.querySelector("[name=key]").value = localStorage.getItem(`key of ${id}`);
} catch {
  // the browser keeps nothing, or there is no result here
}
