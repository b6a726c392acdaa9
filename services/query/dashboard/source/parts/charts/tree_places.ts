/** The arithmetic of a treemap: rectangles whose areas are as the values, and as near to squares as they get (Bruls, Huizing, van Wijk). */

export interface Place {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The place of each value within `width` × `height`. The values are positive, the largest first. */
export function placesOf(values: readonly number[], width: number, height: number): Place[] {
  const places: Place[] = [];
  let [x, y, left] = [0, 0, values.reduce((sum, value) => sum + value, 0)];
  while (places.length < values.length) {
    const isWide = width >= height;
    const side = isWide ? height : width;
    const row: number[] = [];
    let [sum, worst] = [0, Infinity];
    for (const value of values.slice(places.length)) {
      // A row of this sum takes so much of the longer side.
      const depth = (((sum + value) / left) * width * height) / side;
      const lengthOf = (each: number) => (each / (sum + value)) * side;
      const ratio = Math.max(lengthOf(row[0] ?? value) / depth, depth / lengthOf(value));
      if (ratio > worst) break;
      worst = ratio;
      sum += value;
      row.push(value);
    }
    const depth = ((sum / left) * width * height) / side;
    let along = 0;
    for (const value of row) {
      const length = (value / sum) * side;
      places.push(isWide ? { x, y: y + along, width: depth, height: length } : { x: x + along, y, width: length, height: depth });
      along += length;
    }
    left -= sum;
    if (isWide) [x, width] = [x + depth, width - depth];
    else [y, height] = [y + depth, height - depth];
  }
  return places;
}
