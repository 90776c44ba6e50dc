/**
 * Layout of a VMCS region in simulated memory. The architecture fixes only the first two words (SDM Vol. 3, 25.2); the
 * rest is this processor's own and software must use VMREAD and VMWRITE. A field with encoding e lies at
 *
 *     VMCS_FIELDS + (((e >> 13) & 3) * 4 + ((e >> 10) & 3)) * VMCS_GROUP_BYTES + ((e >> 1) & 0x1ff) * 8
 *
 * in 8 bytes whatever its width; index (e >> 1) & 0x1ff is below VMCS_GROUP_FIELDS for every field that exists.
 * @module
 */
/** VMCS revision identifier, u32; also in IA32_VMX_BASIC. */
export const VMCS_REVISION = 0;
export const VMCS_REVISION_ID = 0x0052_494e;
/** VMX-abort indicator, u32. */
export const VMCS_ABORT = 4;
/** Launch state, u32: 0 clear, 1 launched. */
export const VMCS_LAUNCH_STATE = 8;
export const VMCS_CLEAR = 0;
export const VMCS_LAUNCHED = 1;
export const VMCS_FIELDS = 0x100;
export const VMCS_GROUP_FIELDS = 30;
export const VMCS_GROUP_BYTES = 240;
