/**
 * What is to be done when the event at hand is over: what one received chunk has brought leaves as soon as the chunk is taken. Waiting for the
 * event loop's turn to end (`setImmediate`) would cost a small write as much again as its way through the engine, at every hop.
 */
let due: (() => void)[] = [];
let isInside = false;

/** `Timers.afterEvent`. */
export function afterEvent(fire: () => void): void {
  due.push(fire);
  if (!isInside && due.length === 1) setImmediate(runDue);
}

/** Handles one event; what it asks for `afterEvent` has been done when this returns. */
export function inEvent(handle: () => void): void {
  isInside = true;
  handle();
  runDue();
}

/** Those, too, that the due ones ask for. */
function runDue(): void {
  isInside = true;
  for (const fire of due) fire();
  due = []; // emptying the old one would be a call into the runtime, for every event
  isInside = false;
}
