/**
 * A process that can be stopped and woken, as by SIGSTOP and SIGCONT, while the world goes on: what it waits for comes
 * when it is woken.
 */
export class StoppableProcess {
  #gate: PromiseWithResolvers<undefined> | undefined;

  stop(): void {
    this.#gate ??= Promise.withResolvers();
  }

  wake(): void {
    this.#gate?.resolve(undefined);
    this.#gate = undefined;
  }

  /** Something outside as this process sees it: no answer arrives while it is stopped. */
  view<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (object, name) => {
        const value: unknown = Reflect.get(object, name, object);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          const result: unknown = (value as (...all: unknown[]) => unknown).apply(object, args);
          return result instanceof Promise ? this.#arrive(result) : result;
        };
      },
    });
  }

  async #arrive(answer: Promise<unknown>): Promise<unknown> {
    const [settled] = await Promise.allSettled([answer]);
    await this.#gate?.promise;
    if (settled.status === 'rejected') throw settled.reason;
    const { value } = settled;
    return typeof value === 'object' && value !== null && hasMethods(value) ? this.view(value) : value;
  }
}

function hasMethods(value: object): boolean {
  const own = Object.values(value).some((field) => typeof field === 'function');
  const prototype: unknown = Object.getPrototypeOf(value);
  return own || (prototype !== Object.prototype && prototype !== Array.prototype && !(value instanceof Map));
}
