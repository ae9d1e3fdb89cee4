/** Longer words are not compared: no name is that long, and the comparison takes length × length steps. */
const WORD_MAX_CHARS = 80;

/** ` (did you mean …?)`, or nothing when no candidate is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const nearest = nearestName(word, candidates);
  return nearest === null ? '' : ` (did you mean ${nearest}?)`;
}

/**
 * The candidate that is a slip of the fingers away from `word`: up to a third of its letters wrong, another case,
 * `_` or `-` where there is none, or the last part of a dotted name without the rest. Null when there is none.
 */
export function nearestName(word: string, candidates: Iterable<string>): string | null {
  if (word.length > WORD_MAX_CHARS) return null;
  const plain = plainName(word);
  let nearest: string | null = null;
  let nearestDistance = Math.max(1, Math.floor(plain.length / 3)) + 1;
  for (const candidate of candidates) {
    const isLastPart = candidate.includes('.') && plainName(candidate.slice(candidate.lastIndexOf('.'))) === plain;
    const distance = isLastPart ? 1 : editDistance(plain, plainName(candidate));
    if (distance < nearestDistance) {
      nearest = candidate;
      nearestDistance = distance;
    }
  }
  return nearest;
}

function plainName(name: string): string {
  return name.replace(/[._-]/g, '').toLowerCase();
}

/** Insertions, deletions, replacements and swaps of neighbours that lead from one word to the other. */
function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      let best = Math.min(at(last, column) + 1, at(current, column - 1) + 1, at(last, column - 1) + (same ? 0 : 1));
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (row > 1 && column > 1 && swapped) best = Math.min(best, at(beforeLast, column - 2) + 1);
      current.push(best);
    }
    beforeLast = last;
    last = current;
  }
  return at(last, to.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
