import { ACCOUNT_TEXTS } from '../../shell/texts';
import { BUYING_TEXTS } from '../../shop/texts';
import { mount } from '../mount';
import Account from './Account.svelte';

void mount(Account, ACCOUNT_TEXTS, BUYING_TEXTS);
