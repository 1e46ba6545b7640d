import { mount } from '../mount';
import Account from './Account.svelte';

mount(Account);
