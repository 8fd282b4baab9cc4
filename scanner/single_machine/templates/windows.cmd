@echo off
rem Reads what the inspection judges, installs nothing, changes nothing on this computer, needs no administrator.
rem Writes one folder beside this file. Typed text is never put into a command: only SET prints it.
setlocal DisableDelayedExpansion
if defined PROCESSOR_ARCHITEW6432 if exist "%SystemRoot%\Sysnative\cmd.exe" (
  "%SystemRoot%\Sysnative\cmd.exe" /c "%~f0"
  goto :eof
)
title Hezheng @INSPECTION@
echo.
echo   核正 单机采集器  (Hezheng single-machine collector)
echo   只读取软件、系统、激活状态，不安装、不修改、不联网。
echo.
set HZQ_ASSET=
set HZQ_DEPARTMENT=
set HZQ_PERSON=
set /p HZQ_ASSET=  资产编号 (asset number): 
set /p HZQ_DEPARTMENT=  使用部门 (department): 
set /p HZQ_PERSON=  使用人 (user): 
set "HZ_KIT=%~dp0hezheng"
if not exist "%~dp0results" mkdir "%~dp0results"
set "HZ_O=%~dp0results\%COMPUTERNAME%-%RANDOM%%RANDOM%"
mkdir "%HZ_O%"
if not exist "%HZ_O%\." goto nowrite
set "HZ_A=%HZ_O%\answers.txt"
>"%HZ_O%\info.txt" echo schema=hezheng.single-machine/1
>>"%HZ_O%\info.txt" echo platform=windows
>>"%HZ_O%\info.txt" echo inspection=@INSPECTION@
>>"%HZ_O%\info.txt" echo nonce=@NONCE@
>>"%HZ_O%\info.txt" chcp
>>"%HZ_O%\info.txt" ver
>"%HZ_O%\who.txt" cmd /u /c "set HZQ_"
echo.
echo   1/4 系统与软件 (system and software) ...
>"%HZ_A%" echo @@begin
@STEPS@
echo   2/4 各用户的软件 (software of each user) ...
call :list "HKU"
for /f "delims=" %%U in ('reg query HKU') do (
@PERSONAL@
)
echo   3/4 Windows Installer ...
for /f "delims=" %%U in ('reg query "@USERDATA@"') do (
  >>"%HZ_A%" echo @@list %%U\Products
  reg query "%%U\Products" <nul >>"%HZ_A%" 2>nul
  for /f "delims=" %%P in ('reg query "%%U\Products"') do reg export "%%P\InstallProperties" "%HZ_O%\i-%%~nxP.reg" <nul >nul 2>nul
)
if exist "%HZ_O%\m-*.reg" copy /b "%HZ_O%\m-*.reg" "%HZ_O%\machine.reg" >nul
if exist "%HZ_O%\p-*.reg" copy /b "%HZ_O%\p-*.reg" "%HZ_O%\people.reg" >nul
if exist "%HZ_O%\i-*.reg" copy /b "%HZ_O%\i-*.reg" "%HZ_O%\installer.reg" >nul
if exist "%HZ_O%\m-*.reg" del "%HZ_O%\m-*.reg"
if exist "%HZ_O%\p-*.reg" del "%HZ_O%\p-*.reg"
if exist "%HZ_O%\i-*.reg" del "%HZ_O%\i-*.reg"
>>"%HZ_A%" echo @@end
echo   4/4 激活状态与文件 (activation and files) ...
cscript //nologo //e:jscript "%HZ_KIT%\collect.js" "%HZ_O%" "%HZ_KIT%\places.txt" <nul >nul 2>nul
if not exist "%HZ_O%\digest.txt" cscript //nologo "%HZ_KIT%\collect.js" "%HZ_O%" "%HZ_KIT%\places.txt" <nul >nul 2>nul
if exist "%HZ_O%\digest.txt" goto sums
@WMIC@
:sums
>"%HZ_O%\sums.txt" echo @@begin
for %%F in (info who answers script wmic) do if exist "%HZ_O%\%%F.txt" call :sum %%F.txt
for %%F in (machine people installer) do if exist "%HZ_O%\%%F.reg" call :sum %%F.reg
echo.
echo   采集完成。请把优盘交还检查人员，不要改动文件夹 (done, please return the stick):
echo   %HZ_O%
echo.
pause
goto :eof

:nowrite
echo   优盘不能写入，请解除写保护或换一个优盘 (cannot write to this drive).
pause
goto :eof

:export
>>"%HZ_A%" echo @@export %~2
reg export %2 "%HZ_O%\m-%1.reg" <nul >nul 2>>"%HZ_A%"
if errorlevel 1 echo @@failed>>"%HZ_A%"
goto :eof

:query
>>"%HZ_A%" echo @@query %~1
reg query %1 /v %2 <nul >>"%HZ_A%" 2>>&1
if errorlevel 1 echo @@failed>>"%HZ_A%"
goto :eof

:list
>>"%HZ_A%" echo @@list %~1
reg query %1 <nul >>"%HZ_A%" 2>>&1
if errorlevel 1 echo @@failed>>"%HZ_A%"
goto :eof

:every
>>"%HZ_A%" echo @@every %~1
reg query %1 /s /v %2 <nul >>"%HZ_A%" 2>>&1
if errorlevel 1 echo @@failed>>"%HZ_A%"
goto :eof

:sum
>>"%HZ_O%\sums.txt" echo @@file %1
certutil -hashfile "%HZ_O%\%1" SHA256 <nul >>"%HZ_O%\sums.txt" 2>nul
goto :eof
