/**
 * Gives turns by weights, evenly mixed: of any `sum of weights` turns in a row each index gets exactly its weight
 * (smooth weighted round robin, as nginx has it for upstreams). With weights 20 and 80 one turn in five is the first's.
 */
export class WeightedTurns {
  readonly #weights: readonly number[];
  readonly #sum: number;
  readonly #credits: number[];

  /** Weights are whole numbers from 0. */
  constructor(weights: readonly number[]) {
    this.#weights = weights;
    this.#sum = weights.reduce((sum, weight) => sum + weight, 0);
    this.#credits = weights.map(() => 0);
  }

  /** The index whose turn it is; undefined when no weight is above 0. */
  next(): number | undefined {
    if (this.#sum === 0) return undefined;
    let best = 0;
    for (const [index, weight] of this.#weights.entries()) {
      this.#credits[index] = (this.#credits[index] ?? 0) + weight;
      if ((this.#credits[index] ?? 0) > (this.#credits[best] ?? 0)) best = index;
    }
    this.#credits[best] = (this.#credits[best] ?? 0) - this.#sum;
    return best;
  }
}
