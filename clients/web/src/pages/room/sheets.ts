/** Everything that opens over the room, as one chunk. */

export { default as BuySheet } from '../../shop/BuySheet.svelte';
export { default as Challenge } from '../../shop/Challenge.svelte';
export { default as NameDialog } from '../../shop/NameDialog.svelte';
export { default as ProductSheet } from '../../shop/ProductSheet.svelte';
export { default as Menu } from './Menu.svelte';
