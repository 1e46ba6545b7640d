import { mount } from '../mount';
import Studio from './Studio.svelte';

mount(Studio);
