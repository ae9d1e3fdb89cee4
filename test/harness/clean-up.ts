/** What registers a clean-up: a test's context. */
export interface CleanUp {
  after(step: () => Promise<void> | void): void;
}

type Step = () => Promise<unknown> | unknown;

const stepsOf = new WeakMap<CleanUp, Step[]>();

/** Runs at the end of the test, what was registered last first; all steps are tried. */
export function atEnd(cleanUp: CleanUp, step: Step): void {
  const known = stepsOf.get(cleanUp);
  if (known !== undefined) {
    known.push(step);
    return;
  }
  const steps = [step];
  stepsOf.set(cleanUp, steps);
  cleanUp.after(async () => {
    const failures: unknown[] = [];
    for (let last = steps.pop(); last !== undefined; last = steps.pop()) {
      try {
        await last();
      } catch (failure) {
        failures.push(failure);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'clean-up failed');
  });
}
