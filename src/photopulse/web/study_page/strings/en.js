// Every word of the page of a study in English, besides its own texts.
export default {
  language: "Language",
  consent: "Consent",
  zoomed: "This page is enlarged or made smaller. If your browser's zoom is not 100 %, please reset it (Ctrl+0).",
  begin: "I agree: begin",
  pause: "Pause",
  paused: "Paused. What you answered is saved. To go on later, or on another machine, keep this link:",
  resume: "Go on",
  end: "That was all. Thank you! You can close this page.",
  count: (done, total) => `${done} of ${total}`,
  question: { mos: "How good does this picture look?", pairs: "Which picture looks better?", real: "Which picture is the photo?" },
  example: (answer) => `An example of a ${answer}. Press ${answer} to go on.`,
  grades: ["bad", "poor", "fair", "good", "excellent"],
  picture: (number) => `Picture ${number}`,
  unsaved: (why) => `Your answer is not saved: ${why} Please answer again.`,
  offline: "the server cannot be reached.",
  server: {},
};
