import { mount } from '../mount';
import Lobby from './Lobby.svelte';

mount(Lobby);
