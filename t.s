.intel_syntax noprefix
.code32
L0: lgdt [0x1000]; E0:
L1: lidt [eax]; E1:
L2: sgdt [eax]; E2:
L3: mov eax, [0x1234]; E3:
L4: mov [0x1234], eax; E4:
L5: mov ebx, [0x1234]; E5:
L6: push 5; E6:
L7: push 0x8000; E7:
L8: push offset 5; E8:
L9: pop eax; E9:
L10: push ds; E10:
L11: pop ds; E11:
L12: push fs; E12:
L13: pusha; E13:
L14: popa; E14:
L15: pushad; E15:
L16: popad; E16:
L17: pushfd; E17:
L18: popfd; E18:
L19: pushf; E19:
L20: popf; E20:
L21: iretd; E21:
L22: iret; E22:
L23: retf; E23:
L24: ret; E24:
L25: inc eax; E25:
L26: dec ecx; E26:
L27: inc word ptr [eax]; E27:
L28: mov cr0, eax; E28:
L29: mov eax, cr4; E29:
L30: mov ds, ax; E30:
L31: mov ds, eax; E31:
L32: mov ax, ds; E32:
L33: mov eax, ds; E33:
L34: ltr ax; E34:
L35: lldt ax; E35:
L36: str ax; E36:
L37: in al, dx; E37:
L38: out dx, eax; E38:
L39: rep stosd; E39:
L40: rep movsd; E40:
L41: jmp eax; E41:
L42: call eax; E42:
L43: jmp [eax]; E43:
L44: call dword ptr [eax]; E44:
L45: ljmp [eax]; E45:
L46: jmp far ptr [eax]; E46:
L47: retf 4; E47:
L48: enter 8,0; E48:
L49: daa; E49:
L50: aaa; E50:
L51: aam; E51:
L52: les eax, [ecx]; E52:
L53: lds eax,[ecx]; E53:
L54: lss esp, [eax]; E54:
L55: bound eax, [ecx]; E55:
L56: arpl ax, cx; E56:
L57: xchg eax, ecx; E57:
L58: wrmsr; E58:
L59: cpuid; E59:
L60: mov gs:[0], eax; E60:
L61: mov eax, gs:[0]; E61:
L62: mov ebx, gs:[4]; E62:
L63: mov eax, fs:[ecx]; E63:
L64: lea eax, [ecx+edx*8+4]; E64:
L65: mov [bx+si], al; E65:
L66: push word ptr [eax]; E66:
L67: push ax; E67:
L68: mov al, [0x12]; E68:
L69: out 0x20, al; E69:
L70: invlpg [eax]; E70:
L71: movzx eax, byte ptr [ecx]; E71:


L74: ljmp 0x8, 0x100010; E74:
L75: jmp 0x8:0x100010; E75:
L76: sysenter; E76:
L77: sysexit; E77:
L78: mov dr0, eax; E78:
L79: lmsw ax; E79:
L80: smsw eax; E80:
L81: sldt eax; E81:
L82: mov eax, -1; E82:
L83: cmp eax, 128; E83:
L84: imul eax, eax, 3; E84:
L85: setz al; E85:
L86: shld eax, ecx, 4; E86:
L87: cmpxchg8b [eax]; E87:
L88: leave; E88:
L89: hlt; E89:
L90: int3; E90:
L91: int 0x80; E91:
L92: into; E92:

L94: xlatb; E94:
L95: sahf; E95:
L96: test dword ptr [eax], 1; E96:
