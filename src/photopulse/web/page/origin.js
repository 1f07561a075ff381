// What a picture says about its origin, in words.
import { make, picture } from "./make.js";
import { said, word } from "./words.js";

export function origin(result) {
  const { verdict, metadata, mark, agrees, credentials, credentials_checked: checked } = result.origin;
  const rows = [
    [word("originMetadata"), Object.entries(metadata).map(([key, value]) => `${key}: ${value}`)],
    [word("originMark"), mark.found ? markWords(mark, agrees) : []],
    [word("originCredentials"), checked ? credentialWords(credentials) : [word("unchecked")]],
  ];
  const list = rows.flatMap(([name, lines]) => [
    make("dt", { textContent: name }),
    ...(lines.length ? lines : [word("nothing")]).map((textContent) => make("dd", { textContent })),
  ]);
  return [
    make("p", { className: "notice", textContent: word("verdict")[verdict] }),
    make("div", { className: "faces" }, picture(result.shown, word("checked"))),
    make("dl", { className: "origin" }, ...list),
    make("p", { className: "told", textContent: said(result.notice) }),
  ];
}

function markWords(mark, agrees) {
  const read = mark.payload ? word("markBy", mark.maker ?? "?", mark.payload) : word("markWeak");
  return [
    mark.face ? `${read} ${word("markInFace")}` : read,
    ...(agrees === null ? [] : [word(agrees ? "markAgrees" : "markDiffers")]),
  ];
}

function credentialWords(credentials) {
  if (!credentials) return [];
  const { state, signer, problems } = credentials;
  if (state === "broken") return [word("credentialsBroken"), ...problems];
  return [state === "expired" ? word("credentialsExpired", signer) : word("signedBy", signer, state)];
}
