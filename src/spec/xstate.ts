/**
 * State components that XSAVE manages and XCR0 enables (SDM Vol. 1, 13.1).
 * @module
 */
export const XSTATE_X87 = 1 << 0;
export const XSTATE_SSE = 1 << 1;
/** What this processor has. */
export const XSTATE_SUPPORTED = 3;
/** Legacy region and header, bytes. */
export const XSAVE_AREA_BYTES = 576;
