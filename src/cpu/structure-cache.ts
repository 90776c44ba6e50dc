/**
 * Paging-structure caches (SDM Vol. 3, 4.10.3; with EPT 29.4.1): where the tables lie to which entries above the last
 * level point, so that a walk begins as far down as it has been before.
 */
export function emptyStructures(_bank: usize): void {}
