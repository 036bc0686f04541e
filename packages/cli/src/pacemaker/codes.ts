/** Return codes of a resource agent: OCF Resource Agent API 1.1, "Return codes". */
export const OCF_SUCCESS = 0;
export const OCF_ERR_GENERIC = 1;
export const OCF_ERR_ARGS = 2;
export const OCF_ERR_UNIMPLEMENTED = 3;
export const OCF_ERR_CONFIGURED = 6;
export const OCF_NOT_RUNNING = 7;
export const OCF_RUNNING_PROMOTED = 8;

/** What an action ends with: its exit code, and why for Pacemaker's log. */
export interface Outcome {
  readonly code: number;
  readonly reason?: string;
}

export const SUCCESS: Outcome = { code: OCF_SUCCESS };
export const failure = (reason: string): Outcome => ({ code: OCF_ERR_GENERIC, reason });
