// The grey levels in which a film can be shown: those of its reading, of its file, and all that it has.

const WHITE = 65535;

/** { reading, file, full }: each { level, width, invert } in fractions of the values sent; `reading` is null before there is one. */
export function windowsOf(pixels, answer) {
  if (!pixels) return {};
  const { read: [from, to], window, data } = pixels;
  pixels.range ??= rangeOf(data);
  const used = answer?.window;
  const reading = used ? between(...[used.black, used.white].map((end) => from + end * (to - from))) : null;
  return { reading, file: between(...window), full: between(...pixels.range) };
}

/** Black at one end and white at the other; inverted where black is the higher. */
export function between(black, white) {
  return { level: (black + white) / 2, width: Math.max(1 / WHITE, Math.abs(white - black)), invert: black > white };
}

/** What makes the values of a film 0 to 255. */
export function tone({ level, width, invert }) {
  const low = (level - width / 2) * WHITE;
  const slope = 255 / Math.max(1, width * WHITE);
  return (value) => {
    const shown = Math.min(255, Math.max(0, Math.round((value - low) * slope)));
    return invert ? 255 - shown : shown;
  };
}

function rangeOf(data) {
  let [low, high] = [WHITE, 0];
  for (let at = 0; at < data.length; at += 1) {
    if (data[at] < low) low = data[at];
    if (data[at] > high) high = data[at];
  }
  return [low / WHITE, high / WHITE];
}
