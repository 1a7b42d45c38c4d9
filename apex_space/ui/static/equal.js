// Plays the louder one of the two compared songs quieter in its player, unless the visitor wants to hear the songs as they
// are. This ends when a song is replaced.
const page = element.closest(".gradio-container");
const asTheyAre = element.querySelector("input");

// On a foreign page, a plain player plays from another site, and the browser would make it silent.
function players(id) {
  return [drawn(page, id), element.closest("gradio-app[src]") ? null : plain(page, id)].filter(Boolean);
}

function show() {
  const { loudness, text } = props.value || {};
  const [first, second] = text && !asTheyAre.checked ? factors(loudness) : [1, 1];
  for (const audio of players("song-a")) level(audio, first);
  for (const audio of players("song-b")) level(audio, second);
  element.hidden = !text;
  element.querySelector("p").textContent = text ?? "";
}

asTheyAre.onchange = show;
watch("value", show);
show();
