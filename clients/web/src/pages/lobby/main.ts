import { mount } from '../mount';
import Lobby from './Lobby.svelte';

void mount(Lobby);
