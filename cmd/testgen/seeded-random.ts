/** The next number of a sequence, uniform in [0, 1). */
export type Draw = () => number;

/** 32-bit FNV-1a of a name's UTF-16 units. */
export function hash32(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** The same key gives the same sequence, on every machine. A counter, scrambled; not for secrets. */
export function seededDraw(key: string): Draw {
  let counter = hash32(key);
  return () => {
    counter = (counter + 0x9e3779b9) | 0;
    let mixed = Math.imul(counter ^ (counter >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 4_294_967_296;
  };
}

/** A whole number in [0, count). */
export function drawBelow(draw: Draw, count: number): number {
  return Math.floor(draw() * count);
}

/** One of a list that is not empty. */
export function drawOne<T>(draw: Draw, choices: readonly [T, ...T[]]): T {
  return choices[drawBelow(draw, choices.length)] ?? choices[0];
}
