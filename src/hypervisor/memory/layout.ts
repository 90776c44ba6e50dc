/**
 * Who owns which part of the machine's RAM. Guest-physical address 0 is machine-physical {@link GUEST_RAM_BASE}, so
 * nothing below it has a guest-physical address at all.
 *
 *     0           64 KiB                                4 MiB                        end of RAM
 *     | hypervisor image, stack | frames: VMXON, VMCS, EPT, bitmaps | the guest's RAM |
 */
export const PAGE_BYTES = 4096;
export const LARGE_PAGE_BYTES = 0x20_0000;
export const HUGE_PAGE_BYTES = 0x4000_0000;

/** Where the frames that the hypervisor hands out to its own structures begin. */
export const FRAMES_BASE = 0x1_0000;
/** First machine-physical byte of guest RAM: on a 2 MiB boundary, so that large pages can map it. */
export const GUEST_RAM_BASE = 2 * LARGE_PAGE_BYTES;

/**
 * RAM of the machine that holds a guest of `guestBytes` and its hypervisor.
 * @param own - bytes of the hypervisor's own behind the guest's RAM
 */
export function machineRamFor(guestBytes: number, own = 0): number {
  return GUEST_RAM_BASE + guestBytes + own;
}
