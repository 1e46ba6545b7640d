/** What the room has sold: the sums, and the orders from before this page was opened. */

import { api } from '../../app/app.svelte';
import type { RoomOrderList } from '../../core/protocol/generated';
import type { Room } from '../../live/room.svelte';

const AT_MOST_EVERY_MS = 1_500;

export class Takings {
  list = $state.raw<RoomOrderList | null>(null);
  readonly #room: Room;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(room: Room) {
    this.#room = room;
  }

  /** Every order moves the sums; they are read again, not added up here. */
  refresh(): void {
    if (!this.#room.can('orders.see')) return;
    this.#timer ??= setTimeout(
      () => {
        this.#timer = null;
        api.get<RoomOrderList>(`/rooms/${this.#room.view.id}/orders`).then(
          (list) => (this.list = list),
          () => undefined,
        );
      },
      this.list === null ? 0 : AT_MOST_EVERY_MS,
    );
  }
}
