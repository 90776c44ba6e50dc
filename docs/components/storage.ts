/**
 * What the notebook keeps in the browser (IndexedDB): edits, answers, progress. Keys are paths such as
 * "edit/src/hypervisor/vtx/exits/cpuid.ts". Where the browser keeps nothing, everything still works and is forgotten.
 */

const DATABASE = "ring1";
const STORE = "kept";

let opening: Promise<IDBDatabase> | undefined;

function request<T>(asked: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

function open(): Promise<IDBDatabase> {
  opening ??= (() => {
    const asked = indexedDB.open(DATABASE, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE);
    return request(asked);
  })();
  return opening;
}

async function inStore<T>(
  mode: IDBTransactionMode,
  action: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T | undefined> {
  try {
    return await request(action((await open()).transaction(STORE, mode).objectStore(STORE)));
  } catch {
    return undefined;
  }
}

export function load(key: string): Promise<unknown> {
  return inStore("readonly", (store) => store.get(key));
}

/** Resolves to false where the browser refuses to keep anything. */
export async function save(key: string, value: unknown): Promise<boolean> {
  return (await inStore("readwrite", (store) => store.put(value, key))) !== undefined;
}

export async function remove(key: string): Promise<void> {
  await inStore("readwrite", (store) => store.delete(key));
}

/** Everything that is kept, as one plain object: what a reader saves to a file. */
export async function loadAll(): Promise<Record<string, unknown>> {
  const keys = (await inStore("readonly", (store) => store.getAllKeys())) ?? [];
  return Object.fromEntries(
    await Promise.all(keys.map(async (key) => [String(key), await load(String(key))])),
  );
}

export async function clear(): Promise<void> {
  await inStore("readwrite", (store) => store.clear());
}
