import { mount } from '../mount';
import Account from './Account.svelte';

void mount(Account);
