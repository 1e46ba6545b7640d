/** A few strings that outlive the page. A browser that forbids it only makes us forgetful. */

export interface Store {
  get(key: string): string | null;
  set(key: string, value: string | null): void;
}

export function browserStore(area: () => Storage): Store {
  return {
    get(key) {
      try {
        return area().getItem(key);
      } catch {
        return null;
      }
    },
    set(key, value) {
      try {
        if (value === null) area().removeItem(key);
        else area().setItem(key, value);
      } catch {
        // private mode, or full: what we wanted to keep is not worth failing for
      }
    },
  };
}

export function memoryStore(): Store {
  const values = new Map<string, string>();
  return {
    get: (key) => values.get(key) ?? null,
    set: (key, value) => {
      if (value === null) values.delete(key);
      else values.set(key, value);
    },
  };
}
