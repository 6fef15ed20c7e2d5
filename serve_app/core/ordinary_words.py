"""Words of tickets, mails and forms, English and Indonesian, that are nobody's name although they stand
where names stand: behind "dear", "contact", "regards" or "pak", or capitalised in a headline."""

from __future__ import annotations

_ORDINARY = """
a abang about access account accounts ada adakah adalah address admin administrator adobe after again agar agent
agustus aja akan aku akun all already also am aman an analyst and anda android any anyone anyone's apa apakah
aplikasi app appearing appears apple application approval approve apps april are area as asap ask assist assistance
assistant at atas atau attached attention august azure backup bagaimana bagian bang bank bantuan bapak barang baru
based be because been before being belum benar berbeda bersama berubah best betul bikin bisa bisnis blank blue boleh
both box branch bro brother browser bu bug building bukan bulan business but by cabang call can cannot canon cant
captain cara card cari case cek center centre change changed chat check chrome cisco citrix city class client close
cloud coba code colleague colleagues com company computer connect connecting connection consultant contact coordinator
corporate correct could country cpu crash crashed crashes crm currently customer daily data database date day days
dear december deh delay deleted dell dengan depan department dept desember designer desk desktop detail details
developer di dia did didn't digital director direktur disk display displayed divisi do doctor document does doesn't
dokumen domain don't done dong down download drive driver dua due duplicate duplicated each edge edit email emails
employee engineer english enterprise epson error esc europe even every everybody everyone excel exchange executive
expired explorer ext extension facebook failed februari february file files finance firefox first fix folder folks
following for form found free friday friend friends from front full gaji gak game gan gangguan gateway general get
github gitlab gmail good google group guest guys had hal halo hanya harap hardware hari harus has have having he head
hello help helpdesk her here hi hilang him his hold home hormat host hour hours how however hp hr http https hub i ibm
ibu icon id if im implementation in incident incorrect india indonesia info informasi information ini instagram
install installed installing intel intern internet into invalid invoice ios ip ipad iphone is issue issues it item its
itu iya jakarta januari january jaringan java jika jira job juga juli july jumat june juni just kak kakak kalau kalo
kami kamis kamu kantor kapan karena karyawan kasih kawan ke kemarin kenapa kepada kepala kerja key keyboard kind
kindly kirim kita know kode komputer kosong kota kurang lagi lama lan laptop last later latest layanan lead lecturer
legal lembur lenovo let license like line link linkedin linux list listed loading local location locked log logged
login logitech logo long lotus lupa mac machine mail main makasih make malam mana management manager manajer many
march maret mas masalah masih mau may maybe mba mbak me meeting mei meja member memory mengapa menu merah mereka
message microsoft min minggu missing misspelled mistake mobile modul module mohon monday monitor month more morning
most mouse mr much muncul my nah nama name nanti nasabah network new news next night no nokia nomor not note nothing
notice november now number nurse october of off office officer offline oh ok okay on once one onedrive online only
open opening operation operations operator or oracle orang order other our out outlook over owner pada page pagi pak
pakai paling panel panitia password patch path pay payment payroll pc pdf pegawai pelanggan pengguna people per perlu
permintaan permission person phone pilih pimpinan please plus pm point portal post power powerpoint pppoe president
price print printer printing problem process procurement product production program project proses provider proxy
punya purchase pusat put python quality query question quick quote rabu rank re read ready receiver recipient
regarding regards regional rekan release remote reply report request requested requester required reset response
restart right role room router rusak sabtu salah salam sales same samsung sangat sap saturday saya scan scanner screen
search security segera sekali sekalian sekarang selalu selamat selasa semua semuanya send sender senin senior sent
september serta server service services setelah setempat setting settings setup share sharepoint she should showing
shown siang siap siapa sign silakan sim since sir sis sistem site skype slack slow so sobat software solution some
somebody someone soon sore sorry source specialist spelled sql staff start state status step still stop storage
strange street student subject such sudah sunday support sure switch sync system table tablet tadi tamu tanggal tanpa
team teams tech technical technician teknisi telah telepon telkomsel tell teman teman-teman tercantum terdaftar terima
tersebut test thank thanks that the their them then there these they thing this those though thread through thursday
ticket tiket tim time to today together token tolong tomorrow toner too total trainee transaksi try tuesday turn
twitter two uang ubuntu udah unable undangan under unit unknown until untuk up update upgrade uplink upload urgent url
us usb use used user username users vendor version via video visio visual vm vpn wait want warehouse warm was watch we
web webex website wednesday week welcome well were what whatsapp when where which while who whom why wifi will windows
wireless with without word word's wording work working workstation would wrong xerox ya yahoo yang year yes yesterday
yet you your yours youtube zoom
"""

ORDINARY = frozenset(_ORDINARY.split())
