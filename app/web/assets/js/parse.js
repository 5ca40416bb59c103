// Parser of the search text: position, FSA or postal code, or words of a name.

const LETTERS = "ABCEGHJKLMNPRSTVWXYZ";
const FSA = new RegExp(`^[ABCEGHJKLMNPRSTVXY]\\d[${LETTERS}]$`);
// Letters that are mistyped for digits and the reverse, as in geography.codes.
const AS_LETTER = { 0: "O", 1: "I", 5: "S", 8: "B", 2: "Z" };
const AS_DIGIT = { O: "0", Q: "0", D: "0", I: "1", L: "1", S: "5", B: "8", Z: "2" };
const CANADA = { west: -142, south: 41, east: -52, north: 90 };

/** Fold case, accents, hyphens and apostrophes, as the API's own search does. */
export const fold = (text) =>
  text
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, " ")
    .trim();

/**
 * Return what a text can mean, the likeliest first: {kind: "position", at, meant} · {kind: "fsa", code, whole} ·
 * {kind: "words", words}. `meant` says that signs or order were guessed; `whole` that a postal code was given: the rest of it
 * goes no further than this function.
 */
export function understand(text) {
  const typed = text.trim();
  if (!typed) return [];
  const meanings = [];
  const position = readPosition(typed);
  if (position) meanings.push(position);
  const fsa = readFsa(typed);
  if (fsa) meanings.push(fsa);
  if (!position) meanings.push({ kind: "words", words: fold(typed).split(" ").filter(Boolean) });
  return meanings;
}

function readFsa(typed) {
  const code = typed.replace(/[\s\-\u00a0\u2010-\u2015]+/g, "").toUpperCase();
  if (!/^([A-Z0-9]{3}|[A-Z0-9]{4,6})$/.test(code)) return null;
  const fsa = code.slice(0, 3);
  // The rest may be half typed, but must look like the rest of a postal code.
  if (!/^(\d([A-Z](\d)?)?)?$/.test(code.slice(3))) return null;
  if (FSA.test(fsa)) return { kind: "fsa", code: fsa, whole: code.length > 3, meant: false };
  const guess = [...fsa].map((character, at) => (at === 1 ? AS_DIGIT[character] : AS_LETTER[character]) ?? character).join("");
  return FSA.test(guess) ? { kind: "fsa", code: guess, whole: code.length > 3, meant: true } : null;
}

/** Read decimal degrees or degrees, minutes and seconds, with letters of either language, latitude first unless they say so. */
function readPosition(typed) {
  const numbers = readDegrees(typed) ?? readDecimal(typed);
  if (!numbers) return null;
  const [lat, lon] = numbers;
  for (const [north, east, meant] of [
    [lat, lon, false],
    [lat, -lon, true],
    [lon, lat, true],
    [-lon, lat, true],
    [lon, -lat, true],
  ]) {
    const inside = north >= CANADA.south && north <= CANADA.north && east >= CANADA.west && east <= CANADA.east;
    if (inside) return { kind: "position", at: [east, north], meant };
  }
  return Math.abs(lat) <= 90 && Math.abs(lon) <= 180 ? { kind: "position", at: [lon, lat], meant: false } : null;
}

function readDecimal(typed) {
  const text = typed.replace(/^geo:/i, "").replaceAll("−", "-");
  const number = "([+-]?\\d{1,3}(?:[.,]\\d+)?)\\s*°?\\s*([NSEWO])?";
  const match = new RegExp(`^${number}(?:\\s*[,;/]\\s*|\\s+)${number}$`, "i").exec(text);
  // "45,42" is one number with a decimal comma, as French writes it.
  if (!match || (/^[+-]?\d+,\d+$/.test(text) && !/^[+-]?\d{2},\s*-\d/.test(text))) return null;
  const value = (digits, letter) => Number(digits.replace(",", ".")) * (/[SWO]/i.test(letter ?? "") ? -1 : 1);
  return ordered([match[1], match[2]], [match[3], match[4]], value);
}

function readDegrees(typed) {
  const part = "(\\d{1,3})\\s*°\\s*(?:(\\d{1,2}(?:[.,]\\d+)?)\\s*['′’]\\s*)?(?:(\\d{1,2}(?:[.,]\\d+)?)\\s*(?:\"|″|”|'')\\s*)?([NSEWO])";
  const match = new RegExp(`^${part}[\\s,;]*${part}$`, "i").exec(typed);
  if (!match) return null;
  const sum = (from) =>
    [1, 60, 3600].reduce((total, size, at) => total + Number((match[from + at] ?? "0").replace(",", ".")) / size, 0);
  const value = (degrees, letter) => degrees * (/[SWO]/i.test(letter) ? -1 : 1);
  return ordered([sum(1), match[4]], [sum(5), match[8]], value);
}

function ordered([first, letter], [second, other], value) {
  const swapped = /[EWO]/i.test(letter ?? "") && /[NS]/i.test(other ?? "");
  const pair = [value(first, letter), value(second, other)];
  return swapped ? pair.reverse() : pair;
}
