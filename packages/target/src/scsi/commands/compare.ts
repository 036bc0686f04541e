/** Comparing what is on the medium with what the initiator sent: VERIFY, WRITE AND VERIFY, COMPARE AND WRITE. */
import { SENSE, type Sense } from '@eterne/iscsi';

/**
 * MISCOMPARE with the offset of the first byte that differs in the INFORMATION field (SBC-3 §5.2, §5.29), or undefined when equal. `startAt`: where in the
 * command's data these bytes are.
 */
export function miscompare(expected: Buffer, actual: Buffer, startAt = 0): Sense | undefined {
  if (expected.equals(actual)) return undefined;
  let at = 0;
  while (at < expected.length && expected[at] === actual[at]) at += 1;
  return { ...SENSE.miscompareDuringVerify, information: startAt + at };
}
