import { mount } from '../mount';
import Room from './Room.svelte';

void mount(Room);
