import { ACCOUNT_TEXTS } from '../../shell/texts';
import { mount } from '../mount';
import Lobby from './Lobby.svelte';

void mount(Lobby, ACCOUNT_TEXTS);
