import { mount } from '../mount';
import Room from './Room.svelte';

mount(Room);
