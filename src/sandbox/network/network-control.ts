import { firstLine } from '../kubelet/processes.ts';
import type { PipedProcess } from './piped-process.ts';

/** Sends commands to the control script of the pods' network, one at a time: each is answered by one line. */
export class NetworkControl {
  readonly #process: PipedProcess;
  readonly #answers: ReturnType<typeof firstLine>;
  #turn: Promise<unknown> = Promise.resolve();
  /** Networks that are asked for while others are made are made next, all at once. */
  #next: { numbers: number[]; made: Promise<Map<number, number>> } | undefined;

  constructor(process: PipedProcess) {
    this.#process = process;
    this.#answers = firstLine(process.stdout);
  }

  openPort(port: number): Promise<string> {
    const answer = this.#turn.then(() => this.#ask(`open ${port}`));
    this.#turn = answer;
    return answer;
  }

  /** Makes the network of the pod with this number; returns the process that holds it, undefined when that failed. */
  async attach(number: number): Promise<number | undefined> {
    if (this.#next === undefined) {
      const numbers: number[] = [];
      this.#next = { numbers, made: this.#turn.then(() => this.#attachAll(numbers)) };
      this.#turn = this.#next.made;
    }
    this.#next.numbers.push(number);
    return (await this.#next.made).get(number);
  }

  close(): void {
    this.#process.kill('SIGKILL');
  }

  async #attachAll(numbers: readonly number[]): Promise<Map<number, number>> {
    this.#next = undefined;
    const answer = await this.#ask(`attach ${numbers.join(' ')}`);
    return new Map(
      [...answer.matchAll(/(\d+)=(\d+)/g)].map(([, number, pid]) => [Number(number), Number(pid)]),
    );
  }

  #ask(line: string): Promise<string> {
    this.#process.stdin.write(`${line}\n`);
    return this.#answers.next();
  }
}
