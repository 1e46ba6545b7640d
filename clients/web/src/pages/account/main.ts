import { ACCOUNT_TEXTS } from '../../shell/texts';
import { mount } from '../mount';
import Account from './Account.svelte';

void mount(Account, ACCOUNT_TEXTS);
