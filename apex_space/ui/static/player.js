// Finds Gradio's players of a song: it draws one in a shadow root. A plain one is in its place if the browser cannot draw
// the sound. Scripts after this one use it.
const drawn = (page, id) => page.querySelector(`#${id} #waveform > *`)?.shadowRoot?.querySelector("audio");
const plain = (page, id) => page.querySelector(`#${id} audio`);
